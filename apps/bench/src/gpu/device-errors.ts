/**
 * Runs `work`. It rejects with an error that is thrown outside of it meanwhile: the catalog's backends throw WebGPU's errors,
 * which belong to no call, in a microtask. The record continues with the next cell.
 */
export async function withDeviceErrors<X>(work: () => Promise<X>): Promise<X> {
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  process.on("uncaughtException", fail);
  try {
    return await Promise.race([work(), failed]);
  } finally {
    process.off("uncaughtException", fail);
  }
}
