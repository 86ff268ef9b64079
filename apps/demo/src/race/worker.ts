import { serve } from "../shell/expose.ts";
import { racer } from "./racer.ts";

serve(racer());
