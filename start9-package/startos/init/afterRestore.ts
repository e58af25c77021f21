import { regenerateNodeId, nodeIdTask } from '../actions/regenerateNodeId'
import { i18n } from '../i18n'
import { sdk } from '../sdk'

/** A backup holds the keys. Two servers on one node id take each other's members away. */
export const afterRestore = sdk.setupOnInit(async (effects, kind) => {
  if (kind !== 'restore') return
  const reason = i18n(
    'This pool was restored with its keys. If the server that it came from still runs, give this one a node ID of its own; if not, you need do nothing.',
  )
  await sdk.action.createOwnTask(effects, regenerateNodeId, 'important', {
    replayId: nodeIdTask,
    reason,
  })
  await sdk.notification.create(effects, {
    level: 'info',
    title: i18n('Punchbowl was restored'),
    message: reason,
  })
})
