/** The only door of the workspace wire. */
export { createWorkspaceAdapter } from './adapter.ts';
export type { WorkspaceAdapterOptions } from './options.ts';
