/**
 * As much of a page's types as the runtime's interface names. Structural, so that what is built on its declarations
 * compiles without the `dom` library, in Node and in a page alike.
 */
export interface UrlLike {
  readonly href: string;
  readonly protocol: string;
}

export interface BlobLike {
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface AbortSignalLike {
  readonly aborted: boolean;
  throwIfAborted(): void;
}
