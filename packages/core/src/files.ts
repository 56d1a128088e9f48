/** Files: who may upload, see and fetch them. */
export type Files = Record<never, never>;
