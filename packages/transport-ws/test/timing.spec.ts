import { afterEach, describe, expect, it } from '@jest/globals';
import { TestClient } from './test-client.js';
import { WsScene } from './ws-scene.js';

let scene: WsScene;
afterEach(() => scene.end());

describe('A clock that is set forward by an hour', () => {
  it('ends no connection: limits are of time that has passed', async () => {
    scene = await WsScene.start();
    const stranger = await TestClient.open(scene.url);
    const device = await scene.device();
    await scene.passes(9_000);
    await scene.isSet(3_600_000);
    await scene.isSet(3_600_000);
    await scene.roundTrip();
    expect([stranger.end, device.end]).toEqual([undefined, undefined]);
    await scene.passes(1_000);
    expect(await stranger.closed).toEqual({ code: 1008, reason: 'auth_timeout' });
  });
});
