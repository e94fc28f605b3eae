/**
 * `tfmc init [DIR] -t NAME`: a folder to start from.
 *
 * ```
 * tfmc init hello -t char-gpt   →   hello/model.tfm  hello/tales.txt  hello/README.md
 * ```
 */
import { join } from "node:path";
import { Option } from "commander";
import type { Context } from "./context.js";
import { log, print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { exists, isFolder, writeAllAtomic } from "./files.js";
import type { StarterName } from "./init/starters.js";
import { starterNames, starters } from "./init/starters.js";
import type { AddCommand } from "./options.js";

interface InitOptions {
  readonly template: StarterName;
}

export const addInit: AddCommand = (program, action) => {
  program
    .command("init")
    .description("start a folder with a model, a little data and what to type; nothing there is replaced")
    .argument("[folder]", "where; it is made if it is not there", ".")
    .addOption(
      new Option("-t, --template <name>", "what to start from").choices(starterNames).default("char-gpt"),
    )
    .addHelpText("after", `\n${starterNames.map((name) => `  ${name}: ${starters[name].about}`).join("\n")}`)
    .action(action(init));
};

function init(context: Context, folder: string, { template }: InitOptions): ExitCode {
  if (exists(folder) && !isFolder(folder)) fail("usage", `\`${folder}\` is a file, not a folder`);
  const files = new Map(
    [...starters[template].files()].map(([name, text]) => [join(folder, name), text] as const),
  );
  const there = [...files.keys()].filter(exists);
  if (there.length > 0)
    fail(
      "usage",
      `${there.map((path) => `\`${path}\``).join(", ")} ${there.length > 1 ? "are" : "is"} already there`,
      "name another folder: `tfmc init FOLDER`",
      there[0],
    );
  writeAllAtomic(files);
  if (context.options.json) printJson(context, { folder, template, files: [...files.keys()] });
  else print(context, [...files.keys()].join("\n"));
  log(context, `what to type is in ${join(folder, "README.md")}`);
  return 0;
}
