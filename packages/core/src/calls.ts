/** Ringing calls and rooms: who is asked, who is in, on which device. Knows no wire. */
export type Calls = Record<never, never>;
