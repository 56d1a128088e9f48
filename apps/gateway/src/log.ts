/**
 * The log of the process: JSON lines in production, readable ones in development, and in both nothing that is secret. Knows no noun of
 * the domain.
 */
import type { Log } from '@switchboard/core';
import { type DestinationStream, pino } from 'pino';
import { redactFields, redactText } from './redact.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'json' | 'readable';
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/** Lines are written at once: the last words of a process that ends are the ones that count. */
export async function createLog(options: LogOptions): Promise<Log> {
  const { level, format, destination } = options;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    await openDestination(format, destination),
  );
  return (lineLevel, message, fields) => {
    if (!logger.isLevelEnabled(lineLevel)) return;
    if (fields) logger[lineLevel](redactFields(fields), redactText(message));
    else logger[lineLevel](redactText(message));
  };
}

async function openDestination(
  format: LogOptions['format'],
  destination?: DestinationStream,
): Promise<DestinationStream> {
  if (format === 'json') return destination ?? pino.destination({ fd: 1, sync: true });
  // Production does without it.
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    sync: true,
    colorize: destination === undefined && process.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
    ...(destination ? { destination } : {}),
  });
}
