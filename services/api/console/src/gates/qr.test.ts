import { describe, expect, it } from "vitest";
import { drawn } from "./qr";

describe("a QR code", () => {
  it("is runs of modules inside a quiet zone", () => {
    expect(drawn(["101", "011", "000"])).toEqual({ size: 11, path: "M4 4h1v1h-1zM6 4h1v1h-1zM5 5h2v1h-2z" });
  });
});
