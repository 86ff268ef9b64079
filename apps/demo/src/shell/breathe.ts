/** Gives the browser a turn when one is due, so that long work in slices never freezes the page. */

/** A frame or two: long enough to be worth a turn, short enough not to be felt. */
const SLICE = 30;

let since = 0;

/** True where it did; else nothing was due, and it costs nothing. */
export async function breathe(): Promise<boolean> {
  const now = performance.now();
  if (now - since < SLICE) return false;
  await turn();
  since = performance.now();
  return true;
}

/** A task of its own. Not a timer: browsers slow those down, to a second each in a tab behind others. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
