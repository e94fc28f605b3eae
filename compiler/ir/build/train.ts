/**
 * `train { … }` → the Recipe, and the optimizer's block as a rule on one parameter.
 *
 * ```
 * train { optimizer = adamw(lr: 3e-4); schedule = cosine(warmup: 100, steps: 2000); clip = 1.0; batch = 16 }
 * ```
 */
import type { Expression, Span, TrainStatement } from "../../parser/model.js";
import type { Node, OptimizerRule, Recipe } from "../graph.js";
import type { Argument } from "./arguments.js";
import { evaluateArguments, matchArguments } from "./arguments.js";
import { elaborate } from "./elaborate.js";
import { LIKE, stateName } from "./inputs.js";
import { wholeNumber } from "./lengths.js";
import { evaluate, evaluateCallee } from "./meaning.js";
import { rootPath } from "./paths.js";
import { bind, createScope, lookup } from "./scope.js";
import type { Env, OptimizerState } from "./session.js";
import { fail, suggest } from "./session.js";
import type { BlockValue, Value } from "./values.js";
import { boolean, describe, tensor } from "./values.js";

/** What a model without a recipe trains with. */
const DEFAULTS = {
  optimizer: "adamw",
  learningRate: 1e-3,
  clip: 1,
  batch: 8,
  steps: 1000,
  accumulate: 1,
} as const;
const SETTINGS = ["optimizer", "schedule", "clip", "batch", "steps", "accumulate"] as const;

const SCHEDULES = {
  constant: ["warmup"],
  linear: ["warmup", "steps", "floor"],
  cosine: ["warmup", "steps", "floor"],
  noam: ["warmup", "width"],
} as const;
type ScheduleName = keyof typeof SCHEDULES;

export interface Training {
  readonly recipe: Recipe;
  readonly optimizer: OptimizerRule;
}

/** A value that comes from outside the file and wins over what it says. */
export type Overrides = ReadonlyMap<string, Value>;

/** A `train` with the place where its values mean something. */
export interface Written {
  readonly env: Env;
  readonly statement: TrainStatement;
}

/** `value` as it stands in `env`. */
interface Setting {
  readonly value: Expression;
  readonly env: Env;
}

/** The settings of several `train`s, each winning over those before it. */
function settingsOf(written: readonly Written[]): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const { env, statement } of written) {
    const own = new Set<string>();
    for (const { name, value } of statement.settings) {
      if (!(SETTINGS as readonly string[]).includes(name.text))
        fail(env, "TFM2010", name.span, `\`train\` has no setting \`${name.text}\`.`, {
          hint: homeOf(name.text) ?? `It has ${SETTINGS.join(", ")}.`,
          ...suggest(name.text, SETTINGS, name.span),
        });
      if (own.has(name.text)) fail(env, "TFM2004", name.span, `\`${name.text}\` is set twice.`);
      own.add(name.text);
      settings.set(name.text, { value, env });
    }
  }
  return settings;
}

export function readTraining(env: Env, written: readonly Written[], overrides: Overrides): Training {
  const place = written.at(-1)?.statement.span ?? { file: "", start: 0, end: 0 };
  const settings = settingsOf(written);
  const used = new Set<string>();
  const override = (name: string): Value | undefined => {
    used.add(name);
    return overrides.get(name);
  };
  const whole = (name: "batch" | "steps" | "accumulate", otherwise: number): number => {
    const given = override(name);
    const written = settings.get(name);
    if (given) return wholeNumber(env, given, place, `\`${name}\``);
    return written
      ? wholeNumber(env, evaluate(written.env, written.value), written.value.span, `\`${name}\``)
      : otherwise;
  };
  const optimizer = readOptimizer(env, settings.get("optimizer"), place, override);
  const schedule = readSchedule(env, settings.get("schedule"), override, () =>
    whole("steps", DEFAULTS.steps),
  );
  const steps = whole("steps", "steps" in schedule ? schedule.steps : DEFAULTS.steps);
  const clip = readClip(env, override("clip"), settings.get("clip"), place);
  const recipe = {
    learningRate: optimizer.learningRate,
    schedule,
    clip,
    batch: whole("batch", DEFAULTS.batch),
    steps,
    accumulate: whole("accumulate", DEFAULTS.accumulate),
  };
  for (const name of overrides.keys())
    if (!used.has(name))
      fail(env, "TFM2002", place, `The recipe has no setting \`${name}\`.`, {
        hint: `It has ${[...used].join(", ")}.`,
        ...suggestOnly(name, used, place),
      });
  return { recipe, optimizer: optimizer.rule };
}

/** Where a number that other recipes hold at the top stands here. */
function homeOf(name: string): string | undefined {
  if (["lr", "learning_rate", "weight_decay", "betas", "eps", "momentum"].includes(name))
    return "It is an argument of the optimizer: `optimizer = adamw(lr: 3e-4, weight_decay: 0.1)`.";
  if (["warmup", "floor"].includes(name))
    return "It is an argument of the schedule: `schedule = cosine(warmup: 100)`.";
  return undefined;
}

const suggestOnly = (name: string, names: Iterable<string>, span: Span) => {
  const { hint } = suggest(name, names, span);
  return hint === undefined ? {} : { hint };
};

function readClip(
  env: Env,
  given: Value | undefined,
  written: Setting | undefined,
  place: Span,
): number | undefined {
  const value = given ?? (written && evaluate(written.env, written.value));
  if (!value) return DEFAULTS.clip;
  if (value.kind === "none") return undefined;
  if (value.kind === "number" && value.value > 0) return value.value;
  return fail(env, "TFM2006", written?.value.span ?? place, "`clip` is a positive number, or `none`.");
}

function readSchedule(
  around: Env,
  setting: Setting | undefined,
  override: (name: string) => Value | undefined,
  steps: () => number,
): Recipe["schedule"] {
  const x = setting?.value;
  const env = setting?.env ?? around;
  const name = x?.kind === "call" ? x.callee : x;
  const kind = name?.kind === "name" ? name.text : "constant";
  if (x && (name?.kind !== "name" || !Object.hasOwn(SCHEDULES, kind)))
    return fail(env, "TFM2010", x.span, "This is not a schedule.", {
      hint: `The schedules are ${Object.keys(SCHEDULES).join(", ")}.`,
      ...(name?.kind === "name" ? suggest(name.text, Object.keys(SCHEDULES), name.span) : {}),
    });
  const names: readonly string[] = SCHEDULES[kind as ScheduleName];
  const given = new Map<string, number>();
  if (x?.kind === "call")
    x.arguments.forEach((argument, n) => {
      const key = argument.name?.text ?? names[n];
      if (key === undefined || !names.includes(key))
        fail(env, "TFM2002", argument.name?.span ?? argument.span, `\`${kind}\` has no such argument.`, {
          hint: `It has ${names.join(", ")}.`,
          ...(argument.name ? suggest(argument.name.text, names, argument.name.span) : {}),
        });
      const value = evaluate(env, argument.value);
      if (value.kind !== "number")
        fail(env, "TFM2006", argument.value.span, `A number is wanted here, and this is ${describe(value)}.`);
      given.set(key, value.value);
    });
  for (const key of names) {
    const value = override(key);
    if (value?.kind === "number") given.set(key, value.value);
  }
  return makeSchedule(env, kind as ScheduleName, given, steps, x?.span);
}

function makeSchedule(
  env: Env,
  kind: ScheduleName,
  given: ReadonlyMap<string, number>,
  steps: () => number,
  span: Span | undefined,
): Recipe["schedule"] {
  const warmup = given.get("warmup") ?? 0;
  switch (kind) {
    case "constant":
      return { kind, warmup };
    case "noam":
      return {
        kind,
        warmup: Math.max(1, warmup),
        width: given.get("width") ?? fail(env, "TFM2003", span!, "`noam` needs `width`, the model's d."),
      };
    case "linear":
    case "cosine":
      return { kind, warmup, steps: given.get("steps") ?? steps(), floor: given.get("floor") ?? 0 };
    default:
      throw new Error(`internal: schedule ${kind satisfies never}`);
  }
}

function readOptimizer(
  around: Env,
  setting: Setting | undefined,
  place: Span,
  override: (name: string) => Value | undefined,
) {
  const x = setting?.value;
  const env = setting?.env ?? around;
  const span = x?.span ?? place;
  const value =
    x?.kind === "call"
      ? evaluateCallee(env, x.callee)
      : x
        ? evaluate(env, x)
        : lookup(env.scope, DEFAULTS.optimizer)!.value;
  if (value.kind !== "block" || value.declaration.parameters.filter((p) => p.axes === "any").length !== 2)
    return fail(
      env,
      "TFM2010",
      span,
      "An optimizer is a block of a parameter `p[*]` and its gradient, such as `adamw` or `sgd`.",
    );
  const { declaration } = value;
  const args = x?.kind === "call" ? evaluateArguments(env, x, declaration) : [];
  const bound = new Map(value.bound);
  for (const [name, argument] of matchArguments(
    env,
    declaration.name.text,
    declaration.parameters,
    value.bound,
    args,
    span,
  ).arguments)
    bound.set(name, argument.value);
  for (const { name, axes } of declaration.parameters) {
    const given = axes === undefined ? override(name.text) : undefined;
    if (given) bound.set(name.text, given);
  }
  const parameter = declaration.parameters.find(({ name }) => name.text === "lr");
  const lr =
    bound.get("lr") ??
    (parameter?.defaultValue ? evaluate({ ...env, scope: value.scope }, parameter.defaultValue) : undefined);
  if (lr?.kind !== "number" || lr.value <= 0)
    return fail(env, "TFM2010", span, "An optimizer has a learning rate `lr`, a number above 0.");
  return { learningRate: lr.value, rule: makeRule(env, { ...value, bound }, span) };
}

/** The rule elaborates the optimizer's block once per parameter leaf; its states are learnt from a trial. */
function makeRule(env: Env, block: BlockValue, span: Span): OptimizerRule {
  const b = env.session.builder;
  const trial = b.input("fixed", "trial", [{ name: "n", size: 2 }], "f32");
  const states = step(env, block, span, trial, trial, undefined, true).states;
  const names = states.map(({ state }) => state);
  return {
    name: block.declaration.name.text,
    states: names,
    apply: (leaf, gradient, given, decays) => {
      const before: ReadonlyMap<string, Node> = new Map(
        names.map(({ name }, n): [string, Node] => [name, given[n]!]),
      );
      const done = step(env, block, span, leaf, gradient, before, decays);
      return { parameter: done.parameter, states: done.states.map(({ node }) => node) };
    },
  };
}

interface Stepped {
  readonly parameter: Node;
  readonly states: readonly { readonly state: OptimizerState; readonly node: Node }[];
}

function step(
  env: Env,
  block: BlockValue,
  span: Span,
  leaf: Node,
  gradient: Node,
  before: ReadonlyMap<string, Node> | undefined,
  decays: boolean,
): Stepped {
  const b = env.session.builder;
  const value = (node: Node): Value => tensor(node, false);
  const scope = createScope(block.scope, "global");
  bind(scope, "step", value(b.input("scalar", "step", [], "i32")));
  bind(scope, "decays", boolean(decays));
  bind(scope, LIKE, value(leaf));
  for (const [name, node] of before ?? []) bind(scope, stateName(name), value(node));
  const tensors = block.declaration.parameters.filter((p) => p.axes === "any").map(({ name }) => name.text);
  const args = new Map<string, Argument>();
  const give = (name: string, node: Node): void =>
    void args.set(name, { name, nameSpan: undefined, value: value(node), span });
  give(tensors[0]!, leaf);
  give(tensors[1]!, gradient);
  give("lr", b.input("scalar", "lr", [], "f32"));
  const bound = new Map([...block.bound].filter(([name]) => name !== "lr"));
  const states = new Map<string, OptimizerState>();
  const inner: Env = { ...env, place: "optimizer", states, index: undefined, turn: undefined };
  const done = elaborate(inner, { ...block, scope, bound }, args, rootPath(env.region), span);
  const asNode = (v: Value | undefined): Node =>
    v?.kind === "tensor"
      ? v.node
      : fail(
          env,
          "TFM2006",
          span,
          `An optimizer returns the new parameter, and this is ${v ? describe(v) : "nothing"}.`,
        );
  return {
    parameter: asNode(done.value),
    states: [...states.values()].map((state) => ({
      state,
      node: asNode(done.scope.names.get(state.name)?.value),
    })),
  };
}
