/** The worker's side: what goes wrong outside of a call reaches the page as well. */
import { expose } from "comlink";

export function serve(api: object): void {
  // A rejection that nobody handles raises no error event at the page; an exception does.
  addEventListener("unhandledrejection", (event) => {
    setTimeout(() => {
      throw event.reason;
    });
  });
  expose(api);
}
