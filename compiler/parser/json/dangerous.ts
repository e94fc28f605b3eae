/** Keys with which plain objects of JavaScript are tampered with: never read, never written. */
export const dangerousKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
