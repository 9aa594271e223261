#!/usr/bin/env node
import '../dist/cli/wattproof.js';
