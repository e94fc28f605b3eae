/** The version of the compiler, as Programs and emitted modules name it; package.json says the same. */
export const version = "0.1.0";
