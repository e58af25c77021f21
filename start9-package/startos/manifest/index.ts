import { setupManifest } from '@start9labs/start-sdk'
import { bitcoindDescription, long, short } from './i18n'

export const manifest = setupManifest({
  id: 'punchbowl',
  title: 'Punchbowl',
  license: 'MIT OR Apache-2.0',
  packageRepo: 'https://punchbowl.example',
  upstreamRepo: 'https://punchbowl.example',
  marketingUrl: 'https://punchbowl.example',
  donationUrl: null,
  description: { short, long },
  volumes: ['main'],
  images: {
    node: {
      source: {
        dockerBuild: {
          workdir: '..',
          dockerfile: '../packaging/Dockerfile',
        },
      },
      arch: ['x86_64', 'aarch64'],
    },
  },
  dependencies: {
    bitcoind: {
      description: bitcoindDescription,
      optional: false,
      metadata: {
        title: 'Bitcoin',
        icon: 'assets/bitcoin.svg',
      },
    },
  },
})
