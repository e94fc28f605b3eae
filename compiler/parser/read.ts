/**
 * Source text → Model, by the ending of its file's name: `.json` is JSON, everything else `.tfm`.
 */
import { readJson } from "./read-json.js";
import type { Read } from "./read-tfm.js";
import { readTfm } from "./read-tfm.js";

export const isJson = (file: string): boolean => /\.json$/i.test(file);

export const read = (text: string, file: string): Read =>
  isJson(file) ? readJson(text, file) : readTfm(text, file);
