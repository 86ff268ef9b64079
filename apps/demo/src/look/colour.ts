/** Colour scales: lightness alone orders the values, so that they survive a grey print and most colour blindness. */
import type { Theme } from "../shell/theme.ts";

type Rgb = readonly [number, number, number];

/** From nothing to the largest weight. Signed matrices go to the second scale below zero. */
const scales: Readonly<Record<Theme, { readonly above: readonly Rgb[]; readonly below: readonly Rgb[] }>> = {
  light: {
    above: [
      [243, 241, 237],
      [178, 172, 232],
      [98, 86, 205],
      [30, 24, 92],
    ],
    below: [
      [243, 241, 237],
      [240, 190, 130],
      [196, 100, 20],
      [98, 42, 4],
    ],
  },
  dark: {
    above: [
      [36, 36, 43],
      [70, 62, 150],
      [140, 130, 245],
      [240, 238, 255],
    ],
    below: [
      [36, 36, 43],
      [122, 70, 18],
      [224, 140, 50],
      [255, 236, 208],
    ],
  },
};

/** The colour of a weight that is `share` of the largest, -1 to 1. By its root, or small weights could not be told apart. */
export function colourOf(share: number, theme: Theme): Rgb {
  const scale = scales[theme][share < 0 ? "below" : "above"];
  const at = Math.sqrt(Math.min(1, Math.abs(share))) * (scale.length - 1);
  const low = Math.min(scale.length - 2, Math.floor(at));
  const [a, b] = [scale[low]!, scale[low + 1]!];
  const mixed = (c: 0 | 1 | 2) => Math.round(a[c] + (b[c] - a[c]) * (at - low));
  return [mixed(0), mixed(1), mixed(2)];
}

/** The scale as CSS, from the least to the largest weight. */
export function gradientOf(signed: boolean, theme: Theme): string {
  const steps = Array.from({ length: 17 }, (_, i) => (signed ? i / 8 - 1 : i / 16));
  return `linear-gradient(to right, ${steps.map((share) => `rgb(${colourOf(share, theme).join(" ")})`).join(", ")})`;
}
