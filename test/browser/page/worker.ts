/** A module worker: a journey in, its outcome out. */
import type { Journey, ModelClass } from "./journey.js";
import { journey } from "./journey.js";
import type { Place } from "./tasks.js";

addEventListener("message", async ({ data }: MessageEvent<Place & Journey>) => {
  try {
    const module = (await import(data.module)) as Readonly<Record<string, ModelClass>>;
    postMessage(await journey(module[data.name]!, data));
  } catch (error) {
    postMessage(String(error));
  }
});
