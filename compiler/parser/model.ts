/**
 * Model: the declarative tree that both front doors (`.tfm` text and JSON) yield.
 *
 * Every tree node carries the span of source it came from. Nothing here is evaluated:
 * names are unresolved, sizes are expressions. `ir/build` gives the tree its meaning.
 */

/** A half-open range of UTF-16 offsets in one source file. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** One file: `import`s and declarations in the order written. */
export interface Model {
  readonly file: string;
  readonly declarations: readonly Declaration[];
  /** Comments and blank lines in the order written, for the formatter; none from JSON. */
  readonly trivia?: readonly Trivia[];
}

/** What the formatter keeps and no other stage reads. Comments right above a model, block, mask or score are its `doc` instead. */
export type Trivia =
  | {
      readonly kind: "comment";
      /** Without `#` and the space after it. */
      readonly text: string;
      /** Whether something else stands before it on its line. */
      readonly trailing: boolean;
      readonly span: Span;
    }
  | { readonly kind: "blank"; readonly span: Span }
  /** From the `}` before an `else` to its end, and from the `)` before a `{` to its end: which comments stand in what. */
  | { readonly kind: "else" | "open"; readonly span: Span };

export type Declaration =
  | ImportDeclaration
  | ModelDeclaration
  | BlockDeclaration
  | FormulaDeclaration
  | LawDeclaration;

/** `import "file.tfm"`: the declarations of another file become visible here. */
export interface ImportDeclaration {
  readonly kind: "import";
  readonly path: string;
  readonly span: Span;
}

/**
 * `model nano(d = 64) { … }`, or in config form `model small : decoder { … }` and `variant post : small { … }`: the body of
 * the latter two sets parameters of `base` (`norm_at = post`, an assignment without indices), and may hold `train` and `law`.
 */
export interface ModelDeclaration {
  readonly kind: "model";
  readonly name: Name;
  /** Empty where there is a base. */
  readonly parameters: readonly Parameter[];
  /** The model whose parameters the body sets: a family of the library, or any other model. */
  readonly base: Name | undefined;
  /** Whether it was declared by the word `variant`, which always has a base. */
  readonly variant: boolean;
  readonly body: readonly Statement[];
  readonly doc: string;
  readonly span: Span;
}

/** `block mlp(x[t, d], hidden, act = gelu) { … return y }` */
export interface BlockDeclaration {
  readonly kind: "block";
  readonly name: Name;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  readonly doc: string;
  readonly span: Span;
}

/**
 * `mask sliding(w)(i, j) = …` or `score alibi(slope[h])(s, h, i, j) = …`.
 * `captures` is the first parenthesis of two (empty when there is only one), `arguments` the last.
 */
export interface FormulaDeclaration {
  readonly kind: "mask" | "score";
  readonly name: Name;
  readonly captures: readonly Parameter[];
  readonly arguments: readonly Name[];
  readonly value: Expression;
  readonly doc: string;
  readonly span: Span;
}

/** `law retention: parallel(x) == recurrent(x)`; at top level or inside a model or block. */
export interface LawDeclaration {
  readonly kind: "law";
  readonly name: Name;
  readonly claim: Expression;
  readonly span: Span;
}

/** A name with the place where it stands. */
export interface Name {
  readonly text: string;
  readonly span: Span;
}

/**
 * A parameter of a model, block or formula. `axes` is undefined for a compile-time value
 * (`heads`), a list of names for a tensor (`x[t, d]`), and `"any"` for a tensor of any shape (`p[*]`).
 */
export interface Parameter {
  readonly name: Name;
  readonly axes: readonly Name[] | "any" | undefined;
  readonly defaultValue: Expression | undefined;
  readonly span: Span;
}

// ---------------------------------------------------------------- statements

export type Statement =
  | ParamStatement
  | StateStatement
  | TableStatement
  | InputStatement
  | RenameStatement
  | AssignStatement
  | UseStatement
  | RepeatStatement
  | IfStatement
  | MatchStatement
  | OutputStatement
  | LossStatement
  | TrainStatement
  | ProbeStatement
  | ReturnStatement
  | LawDeclaration;

/** `param wq[d, heads, c], wk[d, heads, c] ~ normal(0.02) if bias`, with `frozen` / `nodecay` before `param`. */
export interface ParamStatement {
  readonly kind: "param";
  readonly entries: readonly {
    readonly name: Name;
    readonly sizes: readonly Expression[];
    readonly span: Span;
  }[];
  readonly init: Expression | undefined;
  readonly condition: Expression | undefined;
  readonly frozen: boolean;
  /** `nodecay` → false, `decay` → true, nothing written → undefined (rank decides). */
  readonly decay: boolean | undefined;
  readonly span: Span;
}

/** `state m = 0`: a value of an optimizer block that outlives the call, in the shape of its tensor parameter. */
export interface StateStatement {
  readonly kind: "state";
  readonly name: Name;
  readonly sizes: readonly Expression[] | undefined;
  readonly value: Expression;
  readonly span: Span;
}

/**
 * `table angle[t, half](p, c) = p / base ^ (c / half)`: a constant tensor that the host fills in f64. A length as a size
 * stands for its maximum; the value is then sliced to the length.
 */
export interface TableStatement {
  readonly kind: "table";
  readonly name: Name;
  readonly sizes: readonly Expression[];
  readonly indices: readonly Name[];
  readonly value: Expression;
  readonly span: Span;
}

/** `input tokens[t <= context] : int(vocab)`; an axis is a new length name, `name <= maximum`, or a constant size; element is `int` (with its exclusive upper bound), `real` or `bool`. */
export interface InputStatement {
  readonly kind: "input";
  readonly name: Name;
  readonly axes: readonly Expression[];
  readonly element: "int" | "real" | "bool";
  readonly bound: Expression | undefined;
  readonly span: Span;
}

/**
 * `input tokens as input_ids`, `input valid(tokens) as attention_mask`: what callers call an input that the model declares, or one
 * that is derived from it. Stands in models, in config form too.
 */
export interface RenameStatement {
  readonly kind: "rename";
  readonly input: Name;
  /** `valid` of `valid(tokens)`. */
  readonly derived: Name | undefined;
  readonly name: Name;
  readonly span: Span;
}

/** `x = …`, `s[h, i, j] = …`, `y[i < n] = …`, `x += …` (operator `"+"` or `"*"`). */
export interface AssignStatement {
  readonly kind: "assign";
  readonly target: Name;
  readonly indices: readonly Name[] | undefined;
  /** How many values each index takes, where one says so: `y[i < t + 1, c] = …`. */
  readonly bounds?: readonly (Expression | undefined)[];
  readonly operator: "+" | "*" | undefined;
  readonly value: Expression;
  readonly span: Span;
}

/** `use wte = embedding(vocab, d)`: an instance; calling it twice shares its parameters. */
export interface UseStatement {
  readonly kind: "use";
  readonly name: Name;
  readonly value: CallExpression;
  readonly span: Span;
}

/** `repeat layers as l { … }`; `repeat shared n { … }` uses one set of parameters for all turns. */
export interface RepeatStatement {
  readonly kind: "repeat";
  readonly count: Expression;
  readonly index: Name | undefined;
  readonly shared: boolean;
  readonly body: readonly Statement[];
  readonly span: Span;
}

export interface IfStatement {
  readonly kind: "if";
  readonly condition: Expression;
  readonly then: readonly Statement[];
  readonly otherwise: readonly Statement[];
  readonly span: Span;
}

/** `match norm_at { pre { … } post, sandwich { … } else { … } }` on a named choice or an integer. */
export interface MatchStatement {
  readonly kind: "match";
  readonly value: Expression;
  readonly cases: readonly {
    /** undefined for `else`. */
    readonly patterns: readonly Expression[] | undefined;
    readonly body: readonly Statement[];
    readonly span: Span;
  }[];
  readonly span: Span;
}

export interface OutputStatement {
  readonly kind: "output";
  readonly name: Name;
  readonly value: Expression;
  readonly span: Span;
}

export interface LossStatement {
  readonly kind: "loss";
  readonly value: Expression;
  readonly span: Span;
}

/** `train { optimizer = adamw(lr: 3e-4); schedule = cosine(warmup: 100, steps: 2000); clip = 1.0; batch = 16 }` */
export interface TrainStatement {
  readonly kind: "train";
  readonly settings: readonly { readonly name: Name; readonly value: Expression; readonly span: Span }[];
  readonly span: Span;
}

export interface ProbeStatement {
  readonly kind: "probe";
  readonly name: Name;
  readonly value: Expression;
  readonly span: Span;
}

/** `return y` or `return y, z`. */
export interface ReturnStatement {
  readonly kind: "return";
  readonly values: readonly Expression[];
  readonly span: Span;
}

// --------------------------------------------------------------- expressions

export type Expression =
  | NumberExpression
  | StringExpression
  | BooleanExpression
  | NameExpression
  | ListExpression
  | CallExpression
  | SubscriptExpression
  | MemberExpression
  | UnaryExpression
  | BinaryExpression
  | ConditionalExpression
  | WhereExpression
  | ReduceExpression;

export interface NumberExpression {
  readonly kind: "number";
  readonly value: number;
  /** As written, so that the formatter keeps `3e-4`. */
  readonly text: string;
  readonly span: Span;
}
export interface StringExpression {
  readonly kind: "string";
  readonly value: string;
  readonly span: Span;
}
export interface BooleanExpression {
  readonly kind: "boolean";
  readonly value: boolean;
  readonly span: Span;
}
export interface NameExpression {
  readonly kind: "name";
  readonly text: string;
  readonly span: Span;
}
export interface ListExpression {
  readonly kind: "list";
  readonly items: readonly Expression[];
  readonly span: Span;
}

/** `attention(layer_norm(x), heads, mask: causal) as attn`. The callee is any postfix expression. */
export interface CallExpression {
  readonly kind: "call";
  readonly callee: Expression;
  readonly arguments: readonly {
    readonly name: Name | undefined;
    readonly value: Expression;
    readonly span: Span;
  }[];
  /** `as NAME`: the path component under which the callee's parameters are named. */
  readonly as: Name | undefined;
  readonly span: Span;
}

/** `k[h // group, j, c]`, `table[tokens[i], m]`. */
export interface SubscriptExpression {
  readonly kind: "subscript";
  readonly base: Expression;
  readonly indices: readonly Expression[];
  readonly span: Span;
}

/** `wte.table` */
export interface MemberExpression {
  readonly kind: "member";
  readonly base: Expression;
  readonly member: Name;
  readonly span: Span;
}

export type UnaryOperator = "-" | "not";
export interface UnaryExpression {
  readonly kind: "unary";
  readonly operator: UnaryOperator;
  readonly operand: Expression;
  readonly span: Span;
}

export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "//"
  | "%"
  | "^"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "and"
  | "or";
/** Precedence, loosest first: or · and · not · comparisons (not chained) · + - · * / // % · unary - · ^ (right) · postfix. */
export interface BinaryExpression {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
  readonly span: Span;
}

/** `if j <= i then a else b` */
export interface ConditionalExpression {
  readonly kind: "conditional";
  readonly condition: Expression;
  readonly then: Expression;
  readonly otherwise: Expression;
  readonly span: Span;
}

/** `s[h, i, j] where mask(i, j)`: only directly inside a reduction. Binds loosest of all. */
export interface WhereExpression {
  readonly kind: "where";
  readonly value: Expression;
  readonly condition: Expression;
  readonly span: Span;
}

/** `softmax[j](…)`, `sum[c](…)`, `max[i, j](…)`: a name, bracketed indices, one parenthesised body. */
export interface ReduceExpression {
  readonly kind: "reduce";
  readonly operator: Name;
  readonly indices: readonly Name[];
  readonly body: Expression;
  readonly span: Span;
}
