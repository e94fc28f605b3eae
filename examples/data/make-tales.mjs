/**
 * Hand-written sentence patterns (cli/init/tales.ts) → tales.txt, the small text of the quickstart.
 *
 *   npm run build && node examples/data/make-tales.mjs > examples/data/tales.txt
 */
import { tales } from "../../dist/cli/init/tales.js";

process.stdout.write(tales());
