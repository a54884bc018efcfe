import { afterAll, beforeAll } from '@jest/globals';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { describeOpenAiSdk } from '../support/openai-sdk.conformance.js';

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway();
}, 180_000);

afterAll(async () => {
  await gateway?.stop();
}, 60_000);

describeOpenAiSdk('the standalone', () => ({ baseUrl: gateway.baseUrl, apiKey: gateway.apiKey }));
