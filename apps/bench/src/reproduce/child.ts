/** The process that `attnkit reproduce` starts for each of its `--jobs`. */
import { experiments } from "@attnkit/papers";
import { serve } from "./serve.ts";

serve(experiments);
