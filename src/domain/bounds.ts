export const BOUNDS = { conversationTags: { max: 100 } };
