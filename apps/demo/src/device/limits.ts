/** Returns the limits of a device as plain numbers: a `GPUSupportedLimits` has getters on its prototype, which JSON would leave out. */
export function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(limits)));
  const pairs = names.map((name) => [name, limits[name as keyof GPUSupportedLimits]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, number] => typeof pair[1] === "number"));
}
