/** A new node ID. Invites of before lead nowhere. */
import { i18n } from '../i18n'
import { putAside } from '../keys'
import { files } from '../places'
import { sdk } from '../sdk'
import { groups } from './groups'

/** Of the task that offers it after a restore. */
export const nodeIdTask = 'regenerate-node-id'

export const regenerateNodeId = sdk.Action.withoutInput(
  'regenerate-node-id',
  async () => ({
    name: i18n('Regenerate Node ID'),
    description: i18n('Give this server a new node ID'),
    warning: i18n(
      'Every invite that you have handed out stops working: members need the new one from Connection Info. The old key is put aside, in old-keys.',
    ),
    allowedStatuses: 'only-stopped',
    group: groups.keys,
    visibility: 'enabled',
  }),

  async ({ effects }) => {
    const was = await putAside(files.nodeKey, new Date())
    await sdk.action.clearTask(effects, nodeIdTask)
    return {
      version: '1',
      title: i18n('Regenerate Node ID'),
      message: was
        ? i18n('The next start makes a new node ID.')
        : i18n('There was no node ID yet; the next start makes one.'),
      result: null,
    }
  },
)
