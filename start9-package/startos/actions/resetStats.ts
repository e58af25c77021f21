/** Statistics begin anew. What is owed, and what was found, stays. */
import { rm } from 'node:fs/promises'
import { i18n } from '../i18n'
import { sdk } from '../sdk'
import { groups } from './groups'

/**
 * In the volume: best shares, and since when charts count. Without it the pool counts from its
 * next start on. Never the ledger.
 */
export const statistics = 'stats'

export const resetStats = sdk.Action.withoutInput(
  'reset-stats',
  async () => ({
    name: i18n('Reset Statistics'),
    description: i18n('Let counters and charts begin anew'),
    warning: i18n(
      'Charts of the past are gone. Shares, blocks found and payouts stay: they are in the ledger.',
    ),
    allowedStatuses: 'only-stopped',
    group: groups.maintenance,
    visibility: 'enabled',
  }),

  async () => {
    await rm(sdk.volumes.main.subpath(statistics), {
      recursive: true,
      force: true,
    })
    return {
      version: '1',
      title: i18n('Reset Statistics'),
      message: i18n('Counters and charts begin anew at the next start.'),
      result: null,
    }
  },
)
