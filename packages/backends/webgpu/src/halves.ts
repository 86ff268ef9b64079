/** Half floats (IEEE 754 binary16) on the host, as their 16 bits. Numbers are rounded to the nearest half, ties to even. */

/** Returns the bits of the halves that are nearest to some floats. From 65520 on they are infinite. */
export function toHalves(floats: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < bits.length; i++) {
    const size = bits[i]! & 0x7fffffff;
    let half: number;
    if (size > 0x7f800000) half = 0x7e00;
    else if (size >= 0x477ff000) half = 0x7c00;
    else if (size >= 0x38800000) half = (size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13;
    else half = (Math.fround(Math.abs(floats[i]!) + 0.5) - 0.5) * 2 ** 24; // floats around 0.5 are 2^-24 apart, as these halves
    halves[i] = half | ((bits[i]! >>> 16) & 0x8000);
  }
  return halves;
}

/** Returns the values of halves. */
export function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const size = halves[i]! & 0x7fff;
    const sign = (halves[i]! & 0x8000) << 16;
    if (size < 0x400) floats[i] = (sign === 0 ? size : -size) * 2 ** -24;
    else bits[i] = sign | ((size << 13) + (size < 0x7c00 ? 0x38000000 : 0x70000000));
  }
  return floats;
}

/** Returns whether a number is a half exactly. */
export const isHalf = (x: number): boolean => Object.is(fromHalves(toHalves(Float32Array.of(x)))[0], x);
