/**
 * Text → HTML that shows it: whatever is put into a template is escaped unless it is HTML already.
 *
 * ```
 * html`<p>${"<script>"}</p>`      <p>&lt;script&gt;</p>
 * ```
 */
export interface Html {
  readonly html: string;
}

type Piece = string | number | Html | readonly Html[];

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (mark) => escapes[mark]!);

function textOf(piece: Piece): string {
  if (typeof piece === "string") return escapeHtml(piece);
  if (typeof piece === "number") return String(piece);
  return "html" in piece ? piece.html : piece.map((one) => one.html).join("");
}

export const html = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html => ({
  html: strings.map((text, n) => (n === 0 ? text : `${textOf(pieces[n - 1]!)}${text}`)).join(""),
});

export const nothing: Html = { html: "" };

/** Text of a script, a style or a data block as it is; `</` would end it. */
export function rawText(text: string): Html {
  if (/<\/(script|style)/i.test(text)) throw new Error("internal: an inlined text would end its element");
  return { html: text };
}

/** JSON for a data block: the same value, with no character that HTML could take for a tag. */
export const jsonText = (value: unknown): Html => ({
  html: JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  ),
});
