import { repository } from "../../../tools/repo/structure/conventions.ts";
import { config } from "../site/config.ts";

export default config(repository);
