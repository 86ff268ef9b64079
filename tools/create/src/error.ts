/** The error of a request that cannot be met. Its message is a sentence for the person who asked. */
export class CreateError extends Error {
  override readonly name = "CreateError";
}
