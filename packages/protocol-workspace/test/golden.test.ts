import { join } from 'node:path';
import { describeTranscripts } from '@switchboard/testing';
import { createGoldenDriver } from './support/golden-driver.ts';

describeTranscripts('the workspace wire, as its sources show it', join(__dirname, 'golden'), createGoldenDriver);
