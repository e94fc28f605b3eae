/**
 * Markdown -> its fenced blocks, with what their info strings ask of the tests.
 *
 *   ```sh test               runs in a temporary folder, in the order of the document, with `tfmc` at hand
 *   ```tfm                   must compile without an error
 *   ```tfm nano.tfm          likewise, and lies under that name in the folder where the document's sh blocks run
 *   ```tfm error CODE        must be refused with that code
 *   ```json nano.json        a model as JSON, likewise; JSON without a word after it is none
 *
 * Any other block is prose: an `sh` block without `test` may download or take hours.
 */
export interface Block {
  /** The line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** The words of the info string after the language. */
  readonly words: readonly string[];
  readonly text: string;
}

const fence = /^( {0,3})(`{3,}|~{3,})[ \t]*([^`]*)$/;

export function readBlocks(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const open = fence.exec(lines[i]);
    if (!open) continue;
    const [, indent, marks, info] = open;
    const close = new RegExp(`^ {0,3}\\${marks[0]}{${marks.length},}[ \\t]*$`);
    const start = i + 1;
    do i++;
    while (i < lines.length && !close.test(lines[i]));
    if (i === lines.length) throw new Error(`the block that opens in line ${start} never closes`);
    const [language = "", ...words] = info.trim().split(/\s+/);
    const body = lines
      .slice(start, i)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    blocks.push({ line: start, language, words, text: body.map((line) => `${line}\n`).join("") });
  }
  return blocks;
}
