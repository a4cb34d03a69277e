// Reading a QR code by the browser's own detector, where it has one. Pictures stay in the browser.

import { element } from "./element.js";

const LOOK_MS = 200;

export const canScan = () => "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

// Show the camera until a code is read: {result: Promise of {text, failed}, stop}.
export function scanOnce(place) {
  let stopped = false;
  let stream = null;
  const stop = () => {
    stopped = true;
  };
  const result = (async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      const video = element("video", { playsinline: true, muted: true });
      video.srcObject = stream;
      place.replaceChildren(video);
      await video.play();
      const detector = new BarcodeDetector({ formats: ["qr_code"] });
      while (!stopped) {
        const [code] = await detector.detect(video);
        if (code) return { text: code.rawValue };
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return {};
    } catch {
      // Permission denied, or no such camera: the officer is told, and types.
      return { failed: true };
    } finally {
      for (const track of stream?.getTracks() ?? []) track.stop();
      place.replaceChildren();
    }
  })();
  return { result, stop };
}
