/** How much was done, where a clock would say how busy the machine is. */
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { TfmParser } from "../../compiler/parser/grammar.js";

interface Counted {
  /** A rule begins. */
  ruleInvocationStateUpdate(...of: unknown[]): unknown;
  /** A token is looked at: recovery skips over many. */
  LA(howMuch: number): unknown;
}

/** What `run` gives, and how many rules the parser began and tokens it looked at meanwhile. */
export function countParsing<T>(run: () => T): { readonly result: T; readonly work: number } {
  const prototype = TfmParser.prototype as unknown as Counted;
  const { ruleInvocationStateUpdate, LA } = prototype;
  let work = 0;
  prototype.ruleInvocationStateUpdate = function (this: unknown, ...of) {
    work++;
    return ruleInvocationStateUpdate.apply(this, of);
  };
  prototype.LA = function (this: unknown, howMuch) {
    work++;
    return LA.call(this, howMuch);
  };
  try {
    return { result: run(), work };
  } finally {
    Reflect.deleteProperty(prototype, "ruleInvocationStateUpdate");
    Reflect.deleteProperty(prototype, "LA");
  }
}

/** A builder, and how many nodes it was asked for. */
export function countingBuilder(): { readonly builder: Builder; readonly asked: () => number } {
  let asked = 0;
  const builder = new Proxy(createBuilder(), {
    get(target, name, receiver) {
      asked++;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return { builder, asked: () => asked };
}
