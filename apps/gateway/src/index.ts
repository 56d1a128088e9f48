/** The gateway as a library: what tests and benches start in their own process. */
export { type Config, ConfigError, loadConfig } from './config.ts';
export { createGateway, type Gateway, type GatewayAddresses } from './gateway.ts';
export { createLog } from './log.ts';
