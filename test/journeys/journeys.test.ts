/**
 * Every journey is what the compiler does today. A journey is a markdown file: a title, some words, and a first block with
 * the program; the runner writes everything below it. `UPDATE_JOURNEYS=1 npx vitest run test/journeys` writes them anew.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Stage } from "./stages.js";
import { stagesOf } from "./stages.js";

const folder = new URL("./", import.meta.url);

/** What a person wrote: up to the end of the first block; and the program in that block. */
function written(text: string): {
  readonly head: string;
  readonly language: string;
  readonly source: string;
} {
  const match = /^[\s\S]*?```(\w+)\n([\s\S]*?)```\n/.exec(text);
  if (!match) throw new Error("a journey starts with its program in a block");
  return { head: match[0], language: match[1]!, source: match[2]! };
}

function stageText({ title, says, language, text }: Stage): string {
  const heading = `\n## ${title}\n\n\`${says}\`\n\n`;
  return text === undefined
    ? `${heading}Nothing to do.\n`
    : `${heading}\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n`;
}

describe("journeys", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".md")))
    it(name, () => {
      const file = new URL(name, folder);
      const before = readFileSync(file, "utf8");
      const { head, language, source } = written(before);
      const now = head + stagesOf(source, language).map(stageText).join("");
      if (process.env.UPDATE_JOURNEYS) writeFileSync(file, now);
      else expect(now).toBe(before);
    });
});
