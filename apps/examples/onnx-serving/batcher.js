/**
 * Collects calls that arrive within `waitMs` and hands them to `run` together, at most `most` at a time.
 *
 * @template Question, Answer
 * @param {(questions: Question[]) => Promise<Answer[]>} run returns one answer for each question, in order
 * @param {{ waitMs: number, most: number }} limits
 * @returns {(question: Question) => Promise<Answer>}
 */
export function batcher(run, { waitMs, most }) {
  /** @type {{ question: Question, resolve: (answer: Answer) => void, reject: (error: unknown) => void }[]} */
  let waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function flush() {
    clearTimeout(timer);
    const batch = waiting;
    waiting = [];
    try {
      const answers = await run(batch.map(({ question }) => question));
      batch.forEach(({ resolve }, i) => {
        resolve(/** @type {Answer} */ (answers[i]));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      if (waiting.length === most) flush();
      else if (waiting.length === 1) timer = setTimeout(flush, waitMs);
    });
}
