import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/{unit,contract,flow,faults}/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Suites bring their own servers and decode images: more at once only makes them wait for each other.
    maxWorkers: 2,
    testTimeout: 60_000,
    // Suites kill processes and watch the clock while their neighbours load both cores: one failure there is looked at again.
    retry: process.env.CI ? 2 : 0,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    hookTimeout: 60_000,
  },
})
