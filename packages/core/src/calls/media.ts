/** The flags of a device in a call, and when each last went on. Pure. */
import type { UnixMs } from '../ids.ts';
import type { MediaState } from '../model/call.ts';

/** What is shown of a device whose wire says nothing. */
const UNKNOWN: MediaState = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };

/** The state after these flags; `before` null = the device just came in. A muted device does not speak. */
export function mergeMedia(before: MediaState | null, flags: Partial<MediaState>, now: UnixMs): MediaState {
  const { microphone, speakers, screen, camera, speaking } = { ...UNKNOWN, ...before, ...onlyFlags(flags) };
  const speaks = microphone && speaking;
  const startSpeakingAt = speaks && !before?.speaking ? now : before?.startSpeakingAt;
  return {
    microphone,
    speakers,
    screen,
    camera,
    speaking: speaks,
    ...(screen && { startScreenAt: (before?.screen && before.startScreenAt) || now }),
    ...(camera && { startCameraAt: (before?.camera && before.startCameraAt) || now }),
    ...(startSpeakingAt !== undefined && { startSpeakingAt }),
  };
}

/** Stamps are ours, and an absent flag changes nothing. */
function onlyFlags({ microphone, speakers, screen, camera, speaking }: Partial<MediaState>): Partial<MediaState> {
  const flags = { microphone, speakers, screen, camera, speaking };
  return Object.fromEntries(Object.entries(flags).filter(([, flag]) => flag !== undefined));
}
