/** What the page and its worker say to each other. */
export type Request =
  | {
      readonly kind: "train";
      readonly text: string;
      readonly device: "auto" | "webgpu" | "cpu";
      readonly steps: number;
    }
  | { readonly kind: "stop" }
  | {
      readonly kind: "generate";
      readonly prompt: string;
      readonly temperature: number;
      readonly seed: number;
    }
  | { readonly kind: "save" };

export type Reply =
  | {
      readonly kind: "ready";
      readonly device: string;
      readonly parameters: number;
      /** The loss of guessing each letter by how often it occurs. */
      readonly baseline: number;
    }
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly lettersPerSecond: number }
  | { readonly kind: "validation"; readonly step: number; readonly loss: number }
  | { readonly kind: "trained"; readonly step: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "written" }
  | { readonly kind: "file"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "error"; readonly message: string };
