import { expect, test } from "vitest";
import { closest } from "../../cli/closest.js";
import {
  bytes,
  count,
  createLiveLine,
  createStyle,
  duration,
  flops,
  table,
  wantsColor,
} from "../../cli/terminal.js";

test("numbers for people", () => {
  expect(count(124439808)).toBe("124,439,808");
  expect(bytes(497759232)).toBe("475 MiB");
  expect(bytes(12)).toBe("12 B");
  expect(flops(2.914e11)).toBe("291 GFLOP");
  expect(duration(3725)).toBe("1:02:05");
  expect(duration(59.6)).toBe("1:00");
});

test("columns are aligned", () => {
  expect(
    table(
      [
        ["a", "10"],
        ["long", "5"],
      ],
      ["left", "right"],
    ),
  ).toBe("a     10\nlong   5");
});

test("colour: --no-color, NO_COLOR, FORCE_COLOR, then the terminal", () => {
  expect(wantsColor(true, {}, true)).toBe(true);
  expect(wantsColor(true, {}, false)).toBe(false);
  expect(wantsColor(true, { FORCE_COLOR: "1" }, false)).toBe(true);
  expect(wantsColor(true, { FORCE_COLOR: "0" }, true)).toBe(false);
  expect(wantsColor(true, { NO_COLOR: "1", FORCE_COLOR: "1" }, true)).toBe(false);
  expect(wantsColor(false, { FORCE_COLOR: "1" }, true)).toBe(false);
  expect(createStyle(false).red("x")).toBe("x");
});

test("the live line never wraps and is cleared once", () => {
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  const live = createLiveLine({ terminal: true, columns: 10, write });
  live.clear();
  live.update("0123456789abc");
  live.clear();
  live.clear();
  expect(text).toBe("\r\u001b[K012345678\r\u001b[K");
});

test("the closest word, however far", () => {
  expect(closest("sumary", ["check", "summary"])).toBe("summary");
  expect(closest("frobnicate", ["check", "generate"])).toBe("generate");
  expect(closest("x", [])).toBeUndefined();
});
