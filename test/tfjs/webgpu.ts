/** Whether tests try WebGPU: a software driver will do; naming one is what says that it should be tried. */
import { packageUrl } from '../../backends/tfjs/devices.js'

export const hasWebgpu = process.env.VK_ICD_FILENAMES !== undefined && packageUrl('webgpu') !== undefined
