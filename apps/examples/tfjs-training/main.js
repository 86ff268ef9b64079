import { KINDS, LENGTH } from "./task.js";
import { mechanisms, train } from "./train.js";

console.log(`Task: reverse ${LENGTH} tokens of ${KINDS} kinds. Loss of a guess: ${Math.log(KINDS).toFixed(3)}`);
for (const mechanism of /** @type {(keyof typeof mechanisms)[]} */ (Object.keys(mechanisms))) {
  console.log(`\n${mechanism} attention`);
  const { accuracy } = await train(mechanism, {
    onLoss: (epoch, loss) => console.log(`  epoch ${String(epoch).padStart(2)}: loss ${loss.toFixed(3)}`),
  });
  console.log(`  right tokens in sequences that it has not seen: ${(100 * accuracy).toFixed(1)} %`);
}
