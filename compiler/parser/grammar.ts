/**
 * tokens → concrete tree. One rule per production of spec/language.md, in its order.
 *
 *     "x = a + b"  →  assign{ Name, Equals, expression{ value{ operation{ unary, Operator, unary } } } }
 *
 * Operators are read flat; `tree-expressions.ts` gives them their precedence. A mistake drops its own statement
 * only: the parser goes on after the separator that ends it, over whole bracket pairs.
 */
import type { IToken, TokenType } from "chevrotain";
import { CstParser, EOF } from "chevrotain";
import { syntaxMessages } from "./syntax-messages.js";
import * as t from "./tokens.js";

/** Rules that end in a separator: a mistake inside them is skipped up to it. */
const recovers = { resyncEnabled: true };
const passesOn = { resyncEnabled: false };

/** After this many the rest of the file is skipped: nobody reads more, and each costs. */
const mistakeLimit = 50;

export class TfmParser extends CstParser {
  private mistakes = 0;

  /** `checked`: also look for rules that could never be reached or told apart, which no text can bring about. */
  constructor(checked = false) {
    super(t.vocabulary, {
      skipValidations: !checked,
      recoveryEnabled: true,
      maxLookahead: 2,
      errorMessageProvider: syntaxMessages,
      nodeLocationTracking: "onlyOffset",
    });
    // Repetitions need no recovery of their own: heads.ts has seen to it that they enter or end.
    Object.assign(this, { attemptInRepetitionRecovery: () => undefined });
    this.performSelfAnalysis();
  }

  // ---------------------------------------- recovery (chevrotain's three hooks)

  protected override canTokenTypeBeInsertedInRecovery(): boolean {
    return false;
  }
  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false;
  }
  override reset(): void {
    super.reset();
    this.mistakes = 0;
  }
  protected findReSyncTokenType(): TokenType {
    return t.Separator;
  }
  protected isInCurrentRuleReSyncSet(): boolean {
    return true;
  }
  /** Skips to after the separator that ends the statement, over whole `{ … }`. */
  protected reSyncTo(): IToken[] {
    const rest = this.input.length;
    const givesUp = ++this.mistakes >= mistakeLimit;
    let depth = 0;
    for (let n = 0; n < rest; n++) {
      const type = this.LA(1).tokenType;
      if (type === EOF || (type === t.RBrace && depth === 0 && !givesUp)) break;
      this.SKIP_TOKEN();
      if (type === t.Separator && depth === 0 && !givesUp) break;
      if (type === t.LBrace) depth++;
      if (type === t.RBrace) depth--;
    }
    return [];
  }

  // ------------------------------------------------------ declarations

  readonly file = this.RULE("file", () => {
    this.MANY(() => this.SUBRULE(this.declaration));
  });

  readonly declaration = this.RULE(
    "declaration",
    () => {
      this.OR([
        { ALT: () => this.SUBRULE(this.import) },
        { ALT: () => this.SUBRULE(this.model) },
        { ALT: () => this.SUBRULE(this.variant) },
        { ALT: () => this.SUBRULE(this.block) },
        { ALT: () => this.SUBRULE(this.formula) },
        { ALT: () => this.SUBRULE(this.law) },
      ]);
      this.CONSUME(t.Separator);
    },
    recovers,
  );

  readonly import = this.RULE(
    "import",
    () => {
      this.CONSUME(t.Import);
      this.CONSUME(t.StringToken);
    },
    passesOn,
  );

  readonly model = this.RULE(
    "model",
    () => {
      this.CONSUME(t.Model);
      this.CONSUME(t.Name);
      this.OPTION(() =>
        this.OR([
          { ALT: () => this.SUBRULE(this.parameters) },
          {
            ALT: () => {
              this.CONSUME(t.Colon);
              this.CONSUME2(t.Name, { LABEL: "base" });
            },
          },
        ]),
      );
      this.SUBRULE(this.body);
    },
    passesOn,
  );

  readonly variant = this.RULE(
    "variant",
    () => {
      this.CONSUME(t.Variant);
      this.CONSUME(t.Name);
      this.CONSUME(t.Colon);
      this.CONSUME2(t.Name, { LABEL: "base" });
      this.SUBRULE(this.body);
    },
    passesOn,
  );

  readonly block = this.RULE(
    "block",
    () => {
      this.CONSUME(t.Block);
      this.CONSUME(t.Name);
      this.SUBRULE(this.parameters);
      this.SUBRULE(this.body);
    },
    passesOn,
  );

  readonly formula = this.RULE(
    "formula",
    () => {
      this.OR([{ ALT: () => this.CONSUME(t.Mask) }, { ALT: () => this.CONSUME(t.Score) }]);
      this.CONSUME(t.Name);
      this.SUBRULE(this.parameters);
      this.OPTION(() => this.SUBRULE2(this.parameters));
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly law = this.RULE(
    "law",
    () => {
      this.CONSUME(t.Law);
      this.CONSUME(t.Name);
      this.CONSUME(t.Colon);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly parameters = this.RULE(
    "parameters",
    () => {
      this.CONSUME(t.LParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.parameter) });
      this.CONSUME(t.RParen);
    },
    passesOn,
  );

  readonly parameter = this.RULE(
    "parameter",
    () => {
      this.CONSUME(t.Name);
      this.OPTION(() => this.SUBRULE(this.axes));
      this.OPTION2(() => {
        this.CONSUME(t.Equals);
        this.SUBRULE(this.expression);
      });
    },
    passesOn,
  );

  readonly axes = this.RULE(
    "axes",
    () => {
      this.CONSUME(t.LBracket);
      this.OR([
        { ALT: () => this.CONSUME(t.Star) },
        { ALT: () => this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.axis) }) },
      ]);
      this.CONSUME(t.RBracket);
    },
    passesOn,
  );

  readonly axis = this.RULE(
    "axis",
    () => {
      this.CONSUME(t.Name);
      this.OPTION(() => {
        this.CONSUME(t.Operator);
        this.SUBRULE(this.expression);
      });
    },
    passesOn,
  );

  // -------------------------------------------------------- statements

  readonly body = this.RULE(
    "body",
    () => {
      this.CONSUME(t.LBrace);
      this.MANY(() => this.SUBRULE(this.line));
      this.CONSUME(t.RBrace);
    },
    passesOn,
  );

  readonly line = this.RULE(
    "line",
    () => {
      this.SUBRULE(this.statement);
      this.CONSUME(t.Separator);
    },
    recovers,
  );

  readonly statement = this.RULE(
    "statement",
    () => {
      this.OR([
        { ALT: () => this.SUBRULE(this.param) },
        { ALT: () => this.SUBRULE(this.state) },
        { ALT: () => this.SUBRULE(this.table) },
        { ALT: () => this.SUBRULE(this.inputs) },
        { ALT: () => this.SUBRULE(this.assign) },
        { ALT: () => this.SUBRULE(this.use) },
        { ALT: () => this.SUBRULE(this.repeat) },
        { ALT: () => this.SUBRULE(this.if) },
        { ALT: () => this.SUBRULE(this.match) },
        { ALT: () => this.SUBRULE(this.output) },
        { ALT: () => this.SUBRULE(this.loss) },
        { ALT: () => this.SUBRULE(this.train) },
        { ALT: () => this.SUBRULE(this.probe) },
        { ALT: () => this.SUBRULE(this.return) },
        { ALT: () => this.SUBRULE(this.law) },
      ]);
    },
    passesOn,
  );

  readonly param = this.RULE(
    "param",
    () => {
      this.MANY(() =>
        this.OR([
          { ALT: () => this.CONSUME(t.Frozen) },
          { ALT: () => this.CONSUME(t.NoDecay) },
          { ALT: () => this.CONSUME(t.Decay) },
        ]),
      );
      this.CONSUME(t.Param);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.entry) });
      this.OPTION(() => {
        this.CONSUME(t.Tilde);
        this.SUBRULE(this.expression, { LABEL: "init" });
      });
      this.OPTION2(() => {
        this.CONSUME(t.If);
        this.SUBRULE2(this.expression, { LABEL: "condition" });
      });
    },
    passesOn,
  );

  readonly entry = this.RULE(
    "entry",
    () => {
      this.CONSUME(t.Name);
      this.OPTION(() => this.SUBRULE(this.subscript));
    },
    passesOn,
  );

  readonly state = this.RULE(
    "state",
    () => {
      this.CONSUME(t.State);
      this.CONSUME(t.Name);
      this.OPTION(() => this.SUBRULE(this.subscript));
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly table = this.RULE(
    "table",
    () => {
      this.CONSUME(t.Table);
      this.CONSUME(t.Name);
      this.SUBRULE(this.subscript);
      this.CONSUME(t.LParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME2(t.Name, { LABEL: "index" }) });
      this.CONSUME(t.RParen);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly inputs = this.RULE(
    "inputs",
    () => {
      this.CONSUME(t.Input);
      this.CONSUME(t.Name);
      this.OR([
        {
          ALT: () => {
            this.OPTION(() => this.SUBRULE(this.subscript));
            this.CONSUME(t.Colon);
            this.CONSUME2(t.Name, { LABEL: "element" });
            this.OPTION2(() => {
              this.CONSUME(t.LParen);
              this.SUBRULE(this.expression);
              this.CONSUME(t.RParen);
            });
          },
        },
        {
          ALT: () => {
            this.OPTION3(() => {
              this.CONSUME2(t.LParen);
              this.CONSUME3(t.Name, { LABEL: "source" });
              this.CONSUME2(t.RParen);
            });
            this.CONSUME(t.As);
            this.CONSUME4(t.Name, { LABEL: "outside" });
          },
        },
      ]);
    },
    passesOn,
  );

  readonly assign = this.RULE(
    "assign",
    () => {
      this.CONSUME(t.Name);
      this.OPTION(() => this.SUBRULE(this.axes));
      this.OR([
        { ALT: () => this.CONSUME(t.Equals) },
        { ALT: () => this.CONSUME(t.PlusEquals) },
        { ALT: () => this.CONSUME(t.TimesEquals) },
      ]);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly use = this.RULE(
    "use",
    () => {
      this.CONSUME(t.Use);
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly repeat = this.RULE(
    "repeat",
    () => {
      this.CONSUME(t.Repeat);
      this.OPTION(() => this.CONSUME(t.Shared));
      this.SUBRULE(this.expression);
      this.OPTION2(() => {
        this.CONSUME(t.As);
        this.CONSUME(t.Name);
      });
      this.SUBRULE(this.body);
    },
    passesOn,
  );

  readonly if = this.RULE(
    "if",
    () => {
      this.CONSUME(t.If);
      this.SUBRULE(this.expression);
      this.SUBRULE(this.body);
      this.MANY(() => {
        this.CONSUME(t.Else);
        this.CONSUME2(t.If);
        this.SUBRULE2(this.expression);
        this.SUBRULE2(this.body);
      });
      this.OPTION(() => {
        this.CONSUME2(t.Else);
        this.SUBRULE3(this.body, { LABEL: "otherwise" });
      });
    },
    passesOn,
  );

  readonly match = this.RULE(
    "match",
    () => {
      this.CONSUME(t.Match);
      this.SUBRULE(this.expression);
      this.CONSUME(t.LBrace);
      this.MANY(() => this.SUBRULE(this.case));
      this.CONSUME(t.RBrace);
    },
    passesOn,
  );

  readonly case = this.RULE(
    "case",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.Else) },
        { ALT: () => this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) }) },
      ]);
      this.SUBRULE(this.body);
      this.OPTION(() => this.CONSUME(t.Separator));
    },
    recovers,
  );

  readonly output = this.RULE(
    "output",
    () => {
      this.CONSUME(t.Output);
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly loss = this.RULE(
    "loss",
    () => {
      this.CONSUME(t.Loss);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly train = this.RULE(
    "train",
    () => {
      this.CONSUME(t.Train);
      this.CONSUME(t.LBrace);
      this.MANY(() => this.SUBRULE(this.setting));
      this.CONSUME(t.RBrace);
    },
    passesOn,
  );

  readonly setting = this.RULE(
    "setting",
    () => {
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
      this.CONSUME(t.Separator);
    },
    recovers,
  );

  readonly probe = this.RULE(
    "probe",
    () => {
      this.CONSUME(t.Probe);
      this.CONSUME(t.Name);
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly return = this.RULE(
    "return",
    () => {
      this.CONSUME(t.Return);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
    },
    passesOn,
  );

  // ------------------------------------------------------- expressions

  readonly expression = this.RULE(
    "expression",
    () => {
      this.SUBRULE(this.value);
      this.OPTION(() => {
        this.CONSUME(t.Where);
        this.SUBRULE2(this.value);
      });
    },
    passesOn,
  );

  readonly value = this.RULE(
    "value",
    () => {
      this.OR([{ ALT: () => this.SUBRULE(this.conditional) }, { ALT: () => this.SUBRULE(this.operation) }]);
    },
    passesOn,
  );

  readonly conditional = this.RULE(
    "conditional",
    () => {
      this.CONSUME(t.If);
      this.SUBRULE(this.value);
      this.CONSUME(t.Then);
      this.SUBRULE2(this.value);
      this.CONSUME(t.Else);
      this.SUBRULE3(this.value);
    },
    passesOn,
  );

  readonly operation = this.RULE(
    "operation",
    () => {
      this.SUBRULE(this.unary);
      this.MANY(() => {
        this.OR([
          { ALT: () => this.CONSUME(t.Operator, { LABEL: "operator" }) },
          { ALT: () => this.CONSUME(t.Star, { LABEL: "operator" }) },
          { ALT: () => this.CONSUME(t.Minus, { LABEL: "operator" }) },
        ]);
        this.SUBRULE2(this.unary);
      });
    },
    passesOn,
  );

  readonly unary = this.RULE(
    "unary",
    () => {
      this.MANY(() =>
        this.OR([
          { ALT: () => this.CONSUME(t.Minus, { LABEL: "prefix" }) },
          { ALT: () => this.CONSUME(t.Not, { LABEL: "prefix" }) },
        ]),
      );
      this.SUBRULE(this.postfix);
    },
    passesOn,
  );

  readonly postfix = this.RULE(
    "postfix",
    () => {
      this.SUBRULE(this.atom);
      this.MANY(() =>
        this.OR([
          { ALT: () => this.SUBRULE(this.call, { LABEL: "suffix" }) },
          { ALT: () => this.SUBRULE(this.subscript, { LABEL: "suffix" }) },
          { ALT: () => this.SUBRULE(this.member, { LABEL: "suffix" }) },
        ]),
      );
    },
    passesOn,
  );

  readonly call = this.RULE(
    "call",
    () => {
      this.CONSUME(t.LParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) });
      this.CONSUME(t.RParen);
      this.OPTION(() => {
        this.CONSUME(t.As);
        this.CONSUME(t.Name);
      });
    },
    passesOn,
  );

  readonly argument = this.RULE(
    "argument",
    () => {
      this.OPTION(() => {
        this.CONSUME(t.Name);
        this.CONSUME(t.Colon);
      });
      this.SUBRULE(this.expression);
    },
    passesOn,
  );

  readonly subscript = this.RULE(
    "subscript",
    () => {
      this.CONSUME(t.LBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
      this.CONSUME(t.RBracket);
    },
    passesOn,
  );

  readonly member = this.RULE(
    "member",
    () => {
      this.CONSUME(t.Dot);
      this.CONSUME(t.Name);
    },
    passesOn,
  );

  readonly atom = this.RULE(
    "atom",
    () => {
      this.OR([
        { ALT: () => this.CONSUME(t.NumberToken) },
        { ALT: () => this.CONSUME(t.StringToken) },
        { ALT: () => this.CONSUME(t.True) },
        { ALT: () => this.CONSUME(t.False) },
        { ALT: () => this.CONSUME(t.Name) },
        { ALT: () => this.SUBRULE(this.subscript, { LABEL: "list" }) },
        {
          ALT: () => {
            this.CONSUME(t.LParen);
            this.SUBRULE(this.expression);
            this.CONSUME(t.RParen);
          },
        },
      ]);
    },
    passesOn,
  );
}
