import { serve } from "../../src/reproduce/serve.ts";
import { made } from "./made.ts";

serve(made);
