/** An error in the user's input. `who` is the file, flag or tensor at fault. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor(who: string, message: string) {
    super(`${who}: ${message}`);
  }
}
