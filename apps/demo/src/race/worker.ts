import { expose } from "comlink";
import { racer } from "./racer.ts";

expose(racer());
