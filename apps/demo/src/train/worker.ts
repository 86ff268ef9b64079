import { serve } from "../shell/expose.ts";
import { engine } from "./engine.ts";

serve(engine());
