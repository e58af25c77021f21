import { sdk } from '../sdk'
import { configure } from './configure'
import { connectionInfo } from './connectionInfo'
import { irohSettings } from './irohSettings'
import { nodeInfo } from './nodeInfo'
import { regenerateNodeId } from './regenerateNodeId'
import { resetStats } from './resetStats'
import { rotateAuthorityKey } from './rotateAuthorityKey'
import { rotatePayout } from './rotatePayout'
import { setDashboardPassword } from './setDashboardPassword'
import { setPayout } from './setPayout'
import { viewTemplate } from './viewTemplate'

/** In the order in which they are shown. */
export const actions = sdk.Actions.of()
  .addAction(connectionInfo)
  .addAction(viewTemplate)
  .addAction(setPayout)
  .addAction(rotatePayout)
  .addAction(configure)
  .addAction(irohSettings)
  .addAction(setDashboardPassword)
  .addAction(resetStats)
  .addAction(regenerateNodeId)
  .addAction(rotateAuthorityKey)
  .addAction(nodeInfo)
