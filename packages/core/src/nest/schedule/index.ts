export { WattproofScheduleModule } from './wattproof-schedule.module.js';
