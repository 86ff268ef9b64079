/** The user's input is wrong. `who` is the file, flag or tensor that is. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor(who: string, message: string) {
    super(`${who}: ${message}`);
  }
}
